# How other pods are asked: verified TLS, a time limit, our name.
module DiasporaFederation
  module Http
    TIMEOUT_SECONDS = 30
    REDIRECT_LIMIT = 4
    PEER_FAILED_VERIFICATION = 60

    def self.options
      {
        timeout: TIMEOUT_SECONDS,
        cainfo:  AppConfig.environment.certificate_authorities.get,
        headers: {"User-Agent" => "DiasporaFederation/#{AppConfig.version_string}"},
        verbose: AppConfig.settings.typhoeus_verbose?
      }
    end

    # curl's word for what happened. Ethon 0.16 lost the name of code 60, so that a certificate which
    # cannot be verified got the name of the code after it.
    def self.word(response)
      misnamed = Ethon::Curl.easy_codes[PEER_FAILED_VERIFICATION]
      response.return_code == misnamed ? :peer_failed_verification : response.return_code
    end

    def self.get(url, accept:)
      headers = options[:headers].merge("Accept" => accept)
      Typhoeus.get(url, options.merge(headers: headers, followlocation: true, maxredirs: REDIRECT_LIMIT))
    end
  end
end
