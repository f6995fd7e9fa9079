# A person's hcard, read.
module DiasporaFederation
  module Discovery
    class Card
      def initialize(html)
        @document = Nokogiri::HTML(html)
      end

      def guid = text("uid") || raise(DiscoveryError, "the hcard has no uid")
      def public_key = text("key") || raise(DiscoveryError, "the hcard has no key")
      def first_name = text("given_name")
      def last_name = text("family_name")
      def searchable? = text("searchable") != "false"

      private

      def text(name) = @document.at_css(".#{name}")&.text&.strip.presence
    end
  end
end
