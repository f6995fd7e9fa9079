# How other pods are asked: verified TLS, a time limit, our name.
module DiasporaFederation
  module Http
    TIMEOUT_SECONDS = 30
    REDIRECT_LIMIT = 4

    def self.options
      {
        timeout: TIMEOUT_SECONDS,
        cainfo:  AppConfig.environment.certificate_authorities.get,
        headers: {"User-Agent" => "DiasporaFederation/#{AppConfig.version_string}"},
        verbose: AppConfig.settings.typhoeus_verbose?
      }
    end

    def self.get(url, accept:)
      headers = options[:headers].merge("Accept" => accept)
      Typhoeus.get(url, options.merge(headers: headers, followlocation: true, maxredirs: REDIRECT_LIMIT))
    end
  end
end
