# Something somebody wrote; StatusMessage is the only kind.
class Post < ApplicationRecord
  include HasGuid

  belongs_to :author, class_name: "Person"
  has_many :comments, as: :commentable, dependent: :destroy
  has_many :aspect_visibilities, as: :shareable, dependent: :destroy
  has_many :aspects, through: :aspect_visibilities

  before_create { self.interacted_at ||= Time.now.utc }

  scope :all_public, -> { where(public: true) }
  scope :newest_first, -> { order(created_at: :desc, id: :desc) }

  # Who must hear of it: all contacts for a public post, else those in the aspects it went to.
  def subscribers
    contacts = author.owner.contacts
    contacts = contacts.joins(:aspect_memberships).where(aspect_memberships: {aspect_id: aspect_ids}) unless public?
    Person.where(id: contacts.select(:person_id))
  end
end
