# A group of contacts that a user shares with.
class Aspect < ApplicationRecord
  belongs_to :user
  has_many :aspect_memberships, dependent: :destroy
  has_many :contacts, through: :aspect_memberships

  validates :name, presence: true, uniqueness: {scope: :user_id}
end
