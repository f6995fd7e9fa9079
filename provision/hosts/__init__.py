"""How a host comes to be and is reached: over SSH, or as a guest of the lab."""
