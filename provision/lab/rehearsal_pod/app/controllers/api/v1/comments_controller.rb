# Comments by REST.
module Api
  module V1
    class CommentsController < BaseController
      needs "public:read", only: :index
      needs "interactions", only: :create

      before_action :find_post

      def index = render(json: @post.comments.order(:id).map {|comment| present(comment) })

      def create
        comment = @post.comments.new(author: current_user.person, text: params[:body])
        return refuse(422, "User is not allowed to comment") unless comment.save

        Diaspora::Federation::Dispatcher.defer_dispatch(current_user, comment, subscribers: subscribers)
        render json: present(comment), status: :created
      end

      private

      def find_post
        return if performed?

        @post = Post.find_by(guid: params[:post_guid], public: true)
        refuse(404, "Post with provided guid could not be found") unless @post
      end

      # The owner of the post passes it on to those who have the post.
      def subscribers = @post.author.local? ? @post.subscribers.pluck(:id) : [@post.author_id]

      def present(comment)
        author = comment.author
        {guid: comment.guid, body: comment.text, created_at: comment.created_at,
         author: {guid: author.guid, diaspora_id: author.diaspora_handle, name: author.name}}
      end
    end
  end
end
