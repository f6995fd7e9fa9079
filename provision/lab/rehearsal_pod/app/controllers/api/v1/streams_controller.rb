# Streams by REST.
module Api
  module V1
    class StreamsController < BaseController
      needs "public:read", only: :main

      def main
        posts = StatusMessage.where(author_id: current_user.stream_authors, public: true)
        posts = posts.includes(author: :profile).newest_first.limit(15)
        render json: posts.map {|post| PostPresenter.new(post).as_api }
      end
    end
  end
end
