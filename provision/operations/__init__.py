"""What a pod goes through on its host: journaled operations, one file per verb."""
