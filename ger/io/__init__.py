"""Reading inputs and records, writing results."""
