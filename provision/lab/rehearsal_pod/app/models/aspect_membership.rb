# A contact's place in an aspect.
class AspectMembership < ApplicationRecord
  belongs_to :aspect
  belongs_to :contact
end
