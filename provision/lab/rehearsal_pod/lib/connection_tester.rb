# Looks at another pod as its visitors would: its name, its address, its certificate, its NodeInfo.
# frozen_string_literal: true

class ConnectionTester
  CONNECT_SECONDS = 6
  TOTAL_SECONDS = 12
  REDIRECTS = 3
  NODEINFO = %r{\Ahttp://nodeinfo\.diaspora\.software/ns/schema/(1\.0|2\.0|2\.1)\z}

  Result = Struct.new(:status, :error, :response_milliseconds, :software, keyword_init: true)
  Failure = Class.new(StandardError) do
    attr_reader :status

    def initialize(status, message)
      @status = status
      super(message)
    end
  end

  def self.check(url) = new(url).check

  def initialize(url)
    @url = url
  end

  def check
    front = get(@url)
    Result.new(status: :no_errors, software: software, response_milliseconds: (front.total_time * 1000).to_i)
  rescue Failure => e
    Result.new(status: e.status, error: "ConnectionTester: #{e.message}", response_milliseconds: -1)
  end

  private

  def get(url)
    response = Typhoeus.get(url, followlocation: true, maxredirs: REDIRECTS, connecttimeout: CONNECT_SECONDS,
                                 timeout: TOTAL_SECONDS, cainfo: AppConfig.environment.certificate_authorities.get)
    refuse(response) unless response.success?
    elsewhere = URI.parse(response.effective_url).host != URI.parse(@url).host
    raise Failure.new(:http_failed, "redirected to another host") if elsewhere

    response
  end

  def refuse(response)
    code = DiasporaFederation::Http.word(response)
    raise Failure.new(:http_failed, "HTTP status #{response.code}") if code == :ok && response.code < 500
    raise Failure.new(:unknown_error, "HTTP status #{response.code}") if code == :ok
    raise Failure.new(:ssl_failed, code.to_s) if code == :peer_failed_verification

    raise Failure.new(Pod::CURL_ERRORS.fetch(code, :unknown_error), code.to_s)
  end

  def software
    links = JSON.parse(get(URI.join(@url, "/.well-known/nodeinfo").to_s).body).fetch("links")
    known = links.select {|link| link["rel"].to_s.match?(NODEINFO) }.max_by {|link| link["rel"] }
    raise Failure.new(:version_failed, "no known NodeInfo") unless known

    software = JSON.parse(get(known.fetch("href")).body).fetch("software")
    "#{software.fetch('name')} #{software.fetch('version')}"
  rescue JSON::ParserError
    raise Failure.new(:version_failed, "NodeInfo is no JSON")
  rescue KeyError => e
    raise Failure.new(:unknown_error, "NodeInfo lacks #{e.key}")
  end
end
