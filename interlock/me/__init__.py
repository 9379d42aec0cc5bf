"""`/me`: a passenger's orders across all channels, on a phone first, in Chinese and English."""
