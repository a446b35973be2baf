"""results.json: reading, writing, computing again, judging two of them."""
