# A name that is the same on every pod.
module HasGuid
  extend ActiveSupport::Concern

  included do
    after_initialize { self.guid ||= SecureRandom.hex(16) if new_record? }
    validates :guid, uniqueness: true
  end
end
