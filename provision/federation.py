"""Federation between the pods of a fleet: partners are introduced, canaries fly between them."""
