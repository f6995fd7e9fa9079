# What all tables share.
class ApplicationRecord < ActiveRecord::Base
  self.abstract_class = true
  include PodLog::Speaker
end
