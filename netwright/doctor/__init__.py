"""The classic mistakes of training, one file each: found before the first step, or explained when a loss goes wrong."""
