# A text post.
class StatusMessage < Post
  has_many :photos, foreign_key: :status_message_guid, primary_key: :guid, inverse_of: :status_message

  validates :text, length: {maximum: 65_535}
  validate { errors.add(:base, "Cannot be empty") if text.blank? && photos.empty? }
end
