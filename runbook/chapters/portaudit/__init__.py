"""The porting audit: which packages of a Go module build for a target, what stands in the way, and what helps."""
