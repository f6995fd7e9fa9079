# An account on this pod.
class User < ApplicationRecord
  include Authenticates
  include Connects

  KEY_BITS = 4096

  has_one :person, foreign_key: :owner_id, inverse_of: :owner
  has_many :aspects, -> { order(:order_id, :id) }
  has_many :contacts
  has_many :authorizations, class_name: "Api::OpenidConnect::Authorization"
  has_many :contact_people, through: :contacts, source: :person

  validates :username, presence: true, uniqueness: true, length: {maximum: 32},
                       format: {with: /\A[a-z0-9_.-]+\z/}
  validates :email, presence: true, uniqueness: true, format: {with: URI::MailTo::EMAIL_REGEXP}
  validate :username_allowed, on: :create
  validates_associated :person

  delegate :guid, :diaspora_handle, :posts, to: :person

  # A new account with its person and keys, not yet saved.
  def self.build(attributes={})
    new(attributes.to_h.except(:person, :id)).tap(&:setup)
  end

  def setup
    self.username = username.to_s.strip.downcase
    self.email = email.to_s.strip.downcase
    self.language ||= "en"
    key = OpenSSL::PKey::RSA.generate(KEY_BITS)
    self.serialized_private_key = key.export
    build_person(diaspora_handle: "#{username}@#{AppConfig.bare_pod_uri}", profile: Profile.new,
                 serialized_public_key: key.public_key.export)
  end

  def encryption_key = OpenSSL::PKey::RSA.new(serialized_private_key)

  def admin? = Role.is_admin?(person)

  def seed_aspects
    %w[Family Friends Work Acquaintances].each {|name| aspects.create!(name: name) }
    follow_the_default_account if AppConfig.settings.autofollow_on_join?
    aspects
  end

  # Never destroyed: the name must stay taken, and other pods must hear of it.
  def close_account!
    person.lock_access!
    update!(locked_at: Time.now.utc)
    AccountDeletion.create!(person: person)
  end

  private

  def follow_the_default_account
    account = Person.find_or_fetch_by_identifier(AppConfig.settings.autofollow_on_join_user.to_s)
    share_with(account, aspects.first)
  rescue DiasporaFederation::Discovery::DiscoveryError
    logger.warn "Error auto-sharing with #{AppConfig.settings.autofollow_on_join_user}"
  end

  def username_allowed
    taken = AppConfig.settings.username_blacklist.get.include?(username)
    errors.add(:username, "is not allowed") if taken
  end
end
