"""A disk that something else has filled, as a host's shell does it and takes it back."""

# To the last few megabytes, also those that the file system keeps for root.
FILL = """
for size in 1024 256 64 16 4; do
    for number in $(seq 64); do
        fallocate -l "${size}M" "/srv/filler-$size-$number" 2>/dev/null || break
    done
    rm -f "/srv/filler-$size-$number"
done
"""
EMPTY = "rm -f /srv/filler*"
