# How a user and a person are connected: receiving (the user shares), sharing (the person does).
class Contact < ApplicationRecord
  belongs_to :user
  belongs_to :person
  has_many :aspect_memberships, dependent: :destroy
  has_many :aspects, through: :aspect_memberships

  validates :person_id, uniqueness: {scope: :user_id}
  validate { errors.add(:base, "Cannot create self-contact") if person_id && person&.owner_id == user_id }

  def subscribers = [person]
end
