"""What pages, REST and command line call: whatever one of them can do, all three can do."""
