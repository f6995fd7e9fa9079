# A comment on a post.
class Comment < ApplicationRecord
  include HasGuid

  belongs_to :author, class_name: "Person"
  belongs_to :commentable, polymorphic: true

  validates :text, presence: true, length: {maximum: 65_535}

  after_create { Post.update_counters(commentable_id, comments_count: 1) }
end
