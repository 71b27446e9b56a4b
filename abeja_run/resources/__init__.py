"""What the platform offers: one file per group of endpoints, nothing but declarations."""
