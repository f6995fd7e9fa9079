"""From a pod's source to a signed artifact on its host, and the runtime that operates there."""
