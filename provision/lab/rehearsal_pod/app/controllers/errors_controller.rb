# Addresses that do not exist: the static page, without the rest of the application.
class ErrorsController < ActionController::Base
  skip_forgery_protection

  def not_found
    page = Rails.public_path.join("404.html")
    return head(:not_found) unless page.file?

    render body: page.read, content_type: "text/html; charset=UTF-8", status: :not_found
  end
end
