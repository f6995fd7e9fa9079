# What a person says about themselves.
class Profile < ApplicationRecord
  belongs_to :person, inverse_of: :profile

  before_save do
    self.diaspora_handle = person.diaspora_handle
    self.full_name = [first_name, last_name].compact_blank.join(" ")
  end
end
