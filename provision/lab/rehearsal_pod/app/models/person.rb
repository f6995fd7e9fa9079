# Someone on this pod or on another.
class Person < ApplicationRecord
  include HasGuid

  belongs_to :owner, class_name: "User", inverse_of: :person
  belongs_to :pod
  has_one :profile, inverse_of: :person
  has_many :posts, foreign_key: :author_id, inverse_of: :author
  has_many :contacts

  validates :diaspora_handle, presence: true, uniqueness: true
  validates :serialized_public_key, presence: true
  validates_associated :profile

  scope :remote, -> { where(owner_id: nil) }
  scope :local, -> { where.not(owner_id: nil) }

  # The person with this handle, discovered on its pod when it is not known here yet.
  def self.find_or_fetch_by_identifier(handle)
    handle = handle.strip.downcase
    find_by(diaspora_handle: handle, closed_account: false) ||
      DiasporaFederation::Discovery::Discovery.new(handle).fetch_and_save
  end

  def self.find_local(attributes) = local.find_by(**attributes, closed_account: false)

  def username = diaspora_handle.split("@").first
  def name = profile&.full_name.presence || diaspora_handle
  def local? = owner_id.present?
  def remote? = !local?
  def public_key = OpenSSL::PKey::RSA.new(serialized_public_key)

  def url_to(path) = local? ? AppConfig.url_to(path) : pod.url_to(path)
  def receive_url = url_to("/receive/users/#{guid}")
  def profile_url = url_to("/u/#{username}")
  def atom_url = url_to("/public/#{username}")

  def lock_access! = update!(closed_account: true)
end
