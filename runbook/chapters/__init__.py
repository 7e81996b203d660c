"""The chapters' rooms: what is observed, decided, verified and counted in each."""
