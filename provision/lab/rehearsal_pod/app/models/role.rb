# What a person may do beyond their own account.
class Role < ApplicationRecord
  belongs_to :person

  scope :admins, -> { where(name: "admin") }

  def self.add_admin(person) = find_or_create_by!(person_id: person.id, name: "admin")
  def self.is_admin?(person) = exists?(person_id: person.id, name: "admin")
end
