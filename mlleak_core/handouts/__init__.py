"""What a teacher prints: faces as cards; of each lesson a sheet for students and notes for the teacher."""
