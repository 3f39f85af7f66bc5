"""The mortgage example's training: data, models, counts, artefacts, evidence. See ../README.md."""
