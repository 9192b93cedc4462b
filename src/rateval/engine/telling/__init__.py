"""What a run tells of itself while it goes on: to its folder, to observers and to trackers."""
