"""What a simulation found, for people and for programs: words, numbers, charts, one page, one document."""
