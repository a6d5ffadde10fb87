"""Commands that measure one environment: ratios and soak."""
