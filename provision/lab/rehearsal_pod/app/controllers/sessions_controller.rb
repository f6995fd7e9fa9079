# Signing in and out.
class SessionsController < ApplicationController
  def new; end

  def create
    credentials = params.fetch(:user, {})
    user = User.find_by(username: credentials[:username].to_s.strip.downcase)
    if user&.valid_password?(credentials[:password].to_s)
      sign_in(user)
    else
      flash.now[:error] = "Invalid username or password."
      render :new
    end
  end

  def destroy
    reset_session
    redirect_to root_url
  end

  private

  def sign_in(user)
    target = session[:return_to] || "/stream"
    reset_session
    keep_session
    session[:user_id] = user.id
    user.remember_sign_in(request.remote_ip)
    redirect_to target
  end
end
