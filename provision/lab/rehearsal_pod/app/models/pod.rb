# Another pod, and how it is known to be.
class Pod < ApplicationRecord
  STATUSES = %i[unchecked no_errors dns_failed net_failed ssl_failed http_failed version_failed unknown_error].freeze
  OFFLINE = %w[dns_failed net_failed ssl_failed http_failed unknown_error].freeze
  INACTIVE_AFTER = 14.days
  DEFAULT_PORT = -1

  # What curl says of a delivery. A certificate that cannot be verified is not among it: real pods
  # record that one as an unknown error.
  CURL_ERRORS = {
    couldnt_resolve_host:          :dns_failed,
    couldnt_connect:               :net_failed,
    operation_timedout:            :net_failed,
    ssl_cipher:                    :ssl_failed,
    ssl_cacert:                    :ssl_failed,
    redirected_to_other_hostname:  :http_failed
  }.freeze

  enum :status, STATUSES.each_with_index.to_h, scopes: false

  has_many :people
  validates :host, uniqueness: {scope: :port}

  scope :to_recheck, -> { where(scheduled_check: true, blocked: false) }

  def self.find_or_create_by(url:)
    uri = URI.parse(url)
    port = uri.port == uri.default_port ? DEFAULT_PORT : uri.port
    find_or_initialize_by(host: uri.host, port: port).tap do |pod|
      pod.ssl ||= uri.scheme == "https"
      pod.save!
    end
  end

  def offline? = OFFLINE.include?(status)
  def active? = !offline? || offline_since.nil? || offline_since > INACTIVE_AFTER.ago.utc
  def to_s = "#{id}:#{host}"

  def url_to(path)
    scheme = ssl ? URI::HTTPS : URI::HTTP
    scheme.build(host: host, port: port == DEFAULT_PORT ? nil : port, path: path).to_s
  end

  # Called when the pod is heard of: one that is held for offline is looked at again soon.
  def schedule_check_if_needed
    update_column(:scheduled_check, true) if offline? && !scheduled_check
  end

  # What a delivery met: an HTTP status, or curl's word for why there was none.
  def record_delivery(outcome)
    if outcome.is_a?(Symbol)
      self.status = CURL_ERRORS.fetch(outcome, :unknown_error)
      self.error = "FederationError: #{outcome}"
    elsif (200..299).cover?(outcome)
      self.status = :no_errors unless version_failed?
    else
      self.status = :http_failed
      self.error = "FederationError: HTTP status code was: #{outcome}"
    end
    remember_since_when
    save!
  end

  # Looks at the pod itself, as the daily check does.
  def test_connection!
    result = ConnectionTester.check(url_to("/"))
    self.status = result.status
    self.error = result.error
    self.response_time = result.response_milliseconds
    self.software = result.software
    self.checked_at = Time.now.utc
    self.scheduled_check = false
    remember_since_when
    save!
  end

  private

  def remember_since_when
    self.offline_since = offline? ? offline_since || Time.now.utc : nil
  end
end
