"""Raw measurements: samples, schedules, counters, and the load generator that makes them."""
