# An aspect that may see something private.
class AspectVisibility < ApplicationRecord
  belongs_to :aspect
  belongs_to :shareable, polymorphic: true
end
