# The pod's canary follows the canaries of its partners; run by rails runner.
# Reads {"canary", "partners": ["name@domain"]} from stdin, and writes one line, `podfleet: {...}`:
# which partners it follows now. A partner that cannot be found yet is no error of the others.

require "json"

request = JSON.parse($stdin.read)
canary = User.find_by!(username: request["canary"])
aspect = canary.aspects.first

outcome = request["partners"].to_h do |handle|
  person = Person.find_or_fetch_by_identifier(handle)
  contact = person && canary.contacts.find_by(person_id: person.id)
  canary.share_with(person, aspect) if person && !(contact && contact.receiving)
  [handle, person ? "followed" : "not found"]
rescue DiasporaFederation::Discovery::DiscoveryError => e
  [handle, "not found: #{e.message}"]
end

puts "podfleet: #{outcome.to_json}"
