# A post as the API and the pages' JSON show it.
class PostPresenter
  def initialize(post)
    @post = post
  end

  def as_api
    {
      guid: @post.guid, body: @post.text, title: title, post_type: @post.type, public: @post.public,
      created_at: @post.created_at, nsfw: false,
      author: {guid: author.guid, diaspora_id: author.diaspora_handle, name: author.name},
      interaction_counters: {comments: @post.comments_count, likes: @post.likes_count, reshares: @post.reshares_count},
      mentioned_people: [], photos: @post.photos.map {|photo| PhotoPresenter.new(photo).as_api },
      own_interaction_state: {liked: false, reshared: false, subscribed: false, reported: false}
    }
  end

  def as_page
    {
      id: @post.id, public: @post.public, guid: @post.guid, created_at: @post.created_at,
      provider_display_name: @post.provider_display_name, interacted_at: @post.interacted_at, text: @post.text,
      post_type: @post.type, nsfw: false,
      author: {id: author.id, guid: author.guid, name: author.name, diaspora_id: author.diaspora_handle,
               avatar: %i[small medium large].index_with { default_avatar }}
    }
  end

  private

  def author = @post.author
  def title = @post.text.to_s.lines.first.to_s.strip.truncate(70)
  def default_avatar = ActionController::Base.helpers.asset_path("user/default.png")
end
