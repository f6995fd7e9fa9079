# Posts by REST.
module Api
  module V1
    class PostsController < BaseController
      needs "public:read", only: :show
      needs "public:modify", only: %i[create destroy]

      rescue_from(ActionDispatch::Http::Parameters::ParseError) { refuse(422, "Failed to create the post") }

      def show
        post = Post.find_by(guid: params[:guid], public: true)
        post ? render(json: PostPresenter.new(post).as_api) : not_found
      end

      def create
        post = build_post
        return refuse(422, "Failed to create the post") unless allowed?(post) && post.save

        Federation::Dispatcher.defer_dispatch(current_user, post)
        render json: PostPresenter.new(post).as_api
      end

      def destroy
        post = Post.find_by(guid: params[:guid])
        return not_found unless post
        return refuse(403, "Not allowed to delete the post") unless post.author == current_user.person

        current_user.retract(post)
        head :no_content
      end

      private

      Federation = ::Diaspora::Federation

      def build_post
        post = StatusMessage.new(author: current_user.person, text: params[:body], public: params[:public] == true,
                                 provider_display_name: nil)
        post.aspects = current_user.aspects.where(id: Array(params[:aspects])) unless post.public?
        post.photos = Photo.where(guid: params[:photos], author: current_user.person) if params[:photos]
        post
      end

      def allowed?(post)
        post.public? || (post.aspects.any? && @authorization.scopes?(%w[private:modify]))
      end

      def not_found = refuse(404, "Post with provided guid could not be found")
    end
  end
end
