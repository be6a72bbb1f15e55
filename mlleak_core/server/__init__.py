"""What long work for many visitors needs: jobs, the desk, a warm start. Knows no threat by name."""
