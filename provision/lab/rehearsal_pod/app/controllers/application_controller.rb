# What every page shares: headers, the session, who is signed in.
class ApplicationController < ActionController::Base
  protect_from_forgery with: :exception

  before_action :identify_release
  before_action :keep_session

  helper_method :current_user

  private

  def identify_release
    response.set_header("X-Diaspora-Version", AppConfig.version_string)
    response.set_header("X-Git-Revision", AppConfig.git_revision) if AppConfig.git_revision
  end

  # Every answer carries the session's cookie, as diaspora*'s do.
  def keep_session = session[:_csrf_token] ||= SecureRandom.urlsafe_base64(32)

  def current_user = @current_user ||= session[:user_id] && User.find_by(id: session[:user_id], locked_at: nil)

  def authenticate_user!
    return current_user.update_column(:last_seen, Time.now.utc) if current_user

    session[:return_to] = request.fullpath if request.get?
    redirect_to new_user_session_url
  end
end
