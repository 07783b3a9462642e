"""What the model learns in the workspace's repositories: when, and what of it a window uses."""
