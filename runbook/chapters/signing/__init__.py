"""What a run built is signed, with where it comes from, and checked on a host before it is started."""
