"""From bytes to an answer: events, whole documents, calls, thoughts, errors. Nothing here knows what is sent."""
