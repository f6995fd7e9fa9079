# Finds a person by their handle: webfinger on their pod, then their hcard.
module DiasporaFederation
  module Discovery
    class Discovery
      include PodLog::Speaker

      HCARD = "http://microformats.org/profile/hcard"
      SEED = "http://joindiaspora.com/seed_location"

      def initialize(handle)
        @handle = handle.strip.downcase
      end

      def fetch_and_save
        logger.info "Fetch data for #{@handle}"
        raise DiscoveryError, "#{@handle} is no handle" unless @handle.match?(/\A[^@\s]+@[^@\s\/]+\z/)

        save(webfinger, card)
      rescue ActiveRecord::ActiveRecordError, Typhoeus::Errors::TyphoeusError => e
        raise DiscoveryError, "Failed discovery for #{@handle}: #{e.class}: #{e.message}"
      end

      private

      def webfinger
        @webfinger ||= JSON.parse(get(webfinger_url, "application/jrd+json")).tap do |jrd|
          raise DiscoveryError, "Failed discovery for #{@handle}: it is #{jrd['subject']}" unless ours?(jrd)
        end
      rescue JSON::ParserError
        raise DiscoveryError, "Failed discovery for #{@handle}: webfinger is no JSON"
      end

      def ours?(jrd) = jrd["subject"].to_s.downcase == "acct:#{@handle}"

      def webfinger_url
        query = URI.encode_www_form(resource: "acct:#{@handle}")
        "#{scheme}://#{@handle.split('@').last}/.well-known/webfinger?#{query}"
      end

      def scheme = AppConfig.environment.require_ssl? ? "https" : "http"

      def card = Card.new(get(link(HCARD), "text/html"))

      def link(rel)
        found = webfinger["links"].to_a.find {|entry| entry["rel"] == rel }
        found&.fetch("href") || raise(DiscoveryError, "Failed discovery for #{@handle}: no #{rel}")
      end

      def get(url, accept)
        response = Http.get(url, accept: accept)
        return response.body if response.success?

        raise DiscoveryError, "Failed to fetch #{url}: #{Http.word(response)} #{response.code}"
      end

      def save(_webfinger, card)
        known = Person.find_by(diaspora_handle: @handle)
        return known if known

        pod = Pod.find_or_create_by(url: link(SEED))
        profile = Profile.new(first_name: card.first_name, last_name: card.last_name, searchable: card.searchable?)
        Person.create!(diaspora_handle: @handle, guid: card.guid, serialized_public_key: card.public_key,
                       pod: pod, profile: profile)
      end
    end
  end
end
