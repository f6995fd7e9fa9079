# A person's page.
class PeopleController < ApplicationController
  def profile
    show_person Person.find_local(diaspora_handle: "#{params[:username]}@#{AppConfig.bare_pod_uri}")
  end

  def show = show_person(Person.find_by(guid: params[:guid], closed_account: false))

  private

  def show_person(person)
    raise ActiveRecord::RecordNotFound unless person

    @person = person
    @posts = person.posts.all_public.newest_first.limit(15)
    # Asked for anything, diaspora* names just that as the type.
    response.content_type = "*/*" if request.headers["Accept"] == "*/*"
    render :show, formats: :html
  end
end
