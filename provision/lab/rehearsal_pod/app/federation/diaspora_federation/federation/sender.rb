# Sends messages; answers which addresses did not take theirs.
module DiasporaFederation
  module Federation
    module Sender
      PUBLIC_TYPE = "application/magic-envelope+xml"
      PRIVATE_TYPE = "application/json"

      def self.public(sender_id, subject, urls, xml)
        hydra = HydraWrapper.new(sender_id, subject)
        urls.each {|url| hydra.insert(url, xml, PUBLIC_TYPE) }
        hydra.send_all
      end

      def self.private(sender_id, subject, targets)
        hydra = HydraWrapper.new(sender_id, subject)
        targets.each {|url, json| hydra.insert(url, json, PRIVATE_TYPE) }
        targets.slice(*hydra.send_all)
      end
    end
  end
end
