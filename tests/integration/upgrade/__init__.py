"""What an earlier build left behind is gone on with by this one."""
