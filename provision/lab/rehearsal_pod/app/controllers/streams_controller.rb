# Streams of posts: what anyone may read, and a user's own.
class StreamsController < ApplicationController
  PER_PAGE = 15

  before_action :authenticate_user!, only: :main

  def public
    @posts = page(Post.all_public)
    render :show
  end

  def main
    @posts = page(Post.where(author_id: current_user.stream_authors))
    render :show
  end

  private

  def page(posts) = posts.includes(author: :profile).newest_first.limit(PER_PAGE)
end
