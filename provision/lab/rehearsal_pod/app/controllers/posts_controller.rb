# One post, as a page or as JSON.
class PostsController < ApplicationController
  def show
    @post = Post.find_by!(guid: params[:guid], public: true)
    respond_to do |format|
      format.html
      format.json { render json: PostPresenter.new(@post).as_page }
    end
  end
end
